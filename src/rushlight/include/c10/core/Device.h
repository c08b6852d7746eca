#pragma once

#include <rushlight/options.h>
