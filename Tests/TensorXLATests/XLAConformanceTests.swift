import TensorTestSupport
import TensorXLA
import Testing

/// XLA on this machine's processors as any other executor.
@Suite(.enabled(if: InstalledPlugins.any, InstalledPlugins.advice))
struct XLAConformanceTests {
  @Test(arguments: InstalledPlugins.paths)
  func keepsTheContract(plugin: String) throws {
    try ExecutorConformance(XLAExecutor(XLADevice(.cpu), plugin: plugin)).keepsTheContract()
  }

  /// Value, first and second derivative.
  @Test(arguments: InstalledPlugins.paths)
  func computesEveryOperation(plugin: String) throws {
    let conformance = try ExecutorConformance(XLAExecutor(XLADevice(.cpu), plugin: plugin))
    for entry in OperationTable.cases {
      do { try conformance.computes(entry) } catch {
        Issue.record("\(entry): \(error)")
      }
    }
  }
}
