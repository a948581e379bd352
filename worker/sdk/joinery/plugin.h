// A plug-in of your own: handlers in a shared object, for `joinery-worker --plugin FILE`.
#pragma once

#include "worker/handlers/plugin.h"
