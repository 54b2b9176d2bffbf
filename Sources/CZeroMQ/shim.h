#pragma once
// mallopt
#include <malloc.h>
#include <zmq.h>
// The toolchain's Glibc module leaves eventfd out.
#include <sys/eventfd.h>
