#pragma once

#include <rushlight/operators.h>
