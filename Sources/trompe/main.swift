TrompeCommand.start()
