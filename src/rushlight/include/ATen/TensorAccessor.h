#pragma once

#include <rushlight/accessor.h>
