#pragma once

#include <rushlight/ivalue.h>
