import TensorCPU
import Testing

/// Runs every test once with each instruction set that this processor has: programs that name none
/// use it.
struct EveryInstructionSet: TestTrait, SuiteTrait, TestScoping {
  var isIncluded: @Sendable (InstructionSet) -> Bool = { _ in true }
  var isRecursive: Bool { true }

  func provideScope(
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
  static var everyInstructionSet: Self { Self() }
  static func everyInstructionSet(
    where isIncluded: @escaping @Sendable (InstructionSet) -> Bool
  ) -> Self {
    Self(isIncluded: isIncluded)
  }
}
