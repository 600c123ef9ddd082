import TensorTestSupport
import Testing

struct ReferenceExecutorTests {
  @Test func keepsTheContract() throws {
    try ExecutorConformance(ReferenceExecutor()).keepsTheContract()
  }
}
