// All shared values: Dict, List, Array, Value, Counter, Set, Namespace. dict.h says what holds for all.
#pragma once

#include <joinery/array.h>
#include <joinery/counter.h>
#include <joinery/dict.h>
#include <joinery/list.h>
#include <joinery/namespace.h>
#include <joinery/set.h>
#include <joinery/value.h>
