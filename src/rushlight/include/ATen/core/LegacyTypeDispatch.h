#pragma once

#include <rushlight/modes.h>
