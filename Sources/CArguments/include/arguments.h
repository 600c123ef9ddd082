#ifndef ARGUMENTS_H
#define ARGUMENTS_H

/// What the process was started with, the program's name first. After the last one is a null
/// pointer.
int arguments_count(void);
char **arguments_values(void);

/// Has the system end this process when the thread that started it ends, however it does.
/// Returns whether `parent` is still there.
int end_with_parent(int parent);

#endif
