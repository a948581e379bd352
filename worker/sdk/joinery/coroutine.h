// What handlers that wait are made of: joinery::Coroutine, Cancelled; co_await job.sleep(100ms).
#pragma once

#include "worker/waiting/coroutine.h"
#include "worker/waiting/strand.h"
