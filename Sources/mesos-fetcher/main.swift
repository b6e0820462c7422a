import FetchWork

FetchWorker.runProgram()
