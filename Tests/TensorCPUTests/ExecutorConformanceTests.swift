import TensorCPU
import TensorCPUTestSupport
import TensorTestSupport
import Testing

/// The CPU executor as any other, with every library of kernels.
@Suite(.everyInstructionSet) struct ExecutorConformanceTests {
  @Test(arguments: CPUKernelOptions.Library.allCases)
  func keepsTheContract(library: CPUKernelOptions.Library) throws {
    let executor = CPUExecutor(kernels: CPUKernelOptions(library: library))
    try ExecutorConformance(executor).keepsTheContract()
  }

  @Test(arguments: OperationTable.cases)
  func computesEveryOperation(_ entry: OperationCase) throws {
    try ExecutorConformance(CPUExecutor()).computes(entry)
  }
}
