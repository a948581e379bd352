// joinery::pack and unpack: payloads for typed handlers, and what they return.
#pragma once

#include "shared/protocol/pack.h"
