#pragma once

#include <rushlight/check.h>
