#pragma once

#include <rushlight/half.h>
