WorkerPool.spinBriefly()
TrompeCommand.start()
