#pragma once

#include <rushlight/classes.h>
