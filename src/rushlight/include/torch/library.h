#pragma once

#include <rushlight/library.h>
