// Without this file, functions without a body would not compile.
