/// A checkpoint is read from a file and written to one: who imports this has the files as well.
@_exported import TensorFiles
