#include "reduction.h"
