// Typed handlers: msgpack arguments to C++ values and the returned value to msgpack.
#pragma once
