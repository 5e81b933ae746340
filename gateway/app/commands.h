/* commands.h -- one function per command of `millwright`; each parses its own options and returns
 * an exit code of sysexits(3). */
#ifndef MW_APP_COMMANDS_H
#define MW_APP_COMMANDS_H

int mw_cmd_run(int argc, char **argv);
int mw_cmd_check(int argc, char **argv);
int mw_cmd_replay(int argc, char **argv);
int mw_cmd_simulate(int argc, char **argv);
int mw_cmd_history(int argc, char **argv);
int mw_cmd_show(int argc, char **argv);
int mw_cmd_ack(int argc, char **argv);
int mw_cmd_shelve(int argc, char **argv);
int mw_cmd_unshelve(int argc, char **argv);
int mw_cmd_feedback(int argc, char **argv);
int mw_cmd_lm(int argc, char **argv);

#endif
