#pragma once

#include <rushlight/macros.h>
