#pragma once

#include <rushlight/irange.h>
