#pragma once
#include <zmq.h>
// The toolchain's Glibc module leaves eventfd out.
#include <sys/eventfd.h>
