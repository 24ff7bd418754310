/*
 * Functions that become compile errors. Included by the Makefile (-include) in every file
 * outside harness/base, which wraps the ones that are needed.
 */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#pragma GCC poison strcpy strcat sprintf vsprintf strtok atoi atol atof strtol strtoul   \
    strtoll strtoull gmtime localtime mktime system popen sleep usleep nanosleep

#endif
