import TensorCPU
import Testing

/// Runs every test once with each instruction set that this processor has: programs that name none
/// use it.
package struct EveryInstructionSet: TestTrait, SuiteTrait, TestScoping {
  fileprivate var isIncluded: @Sendable (InstructionSet) -> Bool = { _ in true }
  package var isRecursive: Bool { true }

  package func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    guard testCase != nil else { return try await function() }
    for set in InstructionSet.all.filter(isIncluded) {
      try await InstructionSet.$current.withValue(set) {
        do {
          try await function()
        } catch {
          // The error alone would not tell.
          Issue.record("with \(set)")
          throw error
        }
      }
    }
  }
}

extension Trait where Self == EveryInstructionSet {
  package static var everyInstructionSet: Self { Self() }
  package static func everyInstructionSet(
    where isIncluded: @escaping @Sendable (InstructionSet) -> Bool
  ) -> Self {
    Self(isIncluded: isIncluded)
  }
}
