"""The workflow language and its execution, free of clocks, threads and sockets.

``parse`` turns an author's JSON into a ``Workflow`` or says everything that is wrong
with it; ``run.Run`` is what one execution remembers; ``engine.step`` is the only thing
that moves it: given a workflow, a run and one input it returns the next run and the
effects to carry out. Whoever calls ``step`` owns time, timers, commands and the wire.

The language is OSPIN 004's; docs/reference/workflow-language.md is its reference.
"""
