WorkerPool.waitWithoutSpinning()
TrompeCommand.start()
