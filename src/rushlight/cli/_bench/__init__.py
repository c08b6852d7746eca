"""What `rushlight bench` and the scripts of `benchmarks/` measure, and how.

A worker (`steps`, `anatomy`, `kernels`, `peak`, `conv_relu`, ...) is a module with
`main(settings) -> results`. It runs in a process of its own, where this folder is the top-level
package `_bench`, so that a process which measures another framework does not load rushlight.

| module | what it knows |
|---|---|
| `processes` | how to run a worker |
| `contenders` | who is measured, and with which settings; rounds in turn |
| `models`, `workloads` | whole training and inference steps |
| `cases` | single operators, their arithmetic and their traffic |
| `work` | the arithmetic and traffic of a call of one of rushlight's kernels |
| `results`, `tables` | minimum, median, ratios; text and Markdown |
"""
