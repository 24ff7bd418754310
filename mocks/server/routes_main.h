/*
 * waybill-mock routes: the tables of routes, with how often each was asked.
 */
#ifndef SERVER_ROUTES_MAIN_H
#define SERVER_ROUTES_MAIN_H

/* argv[0] is "routes". Returns the exit code: 0, 2 for bad input, 3 when a platform could
 * not be asked. */
int routes_main(int argc, char **argv);

#endif
