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
    try await SharedByInstructionSets.$current.withValue(SharedByInstructionSets()) {
      for set in InstructionSet.all.filter(isIncluded) {
        SharedByInstructionSets.current?.startRound()
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
}

/// What one case of a test computes once for all instruction sets, in the order of its calls.
///
/// `@unchecked`: a case runs on one thread at a time.
private final class SharedByInstructionSets: @unchecked Sendable {
  @TaskLocal static var current: SharedByInstructionSets?
  private var calls: [(inputs: Any, value: Any)] = []
  private var next = 0

  func startRound() { next = 0 }

  func value<Inputs: Equatable, Value>(
    of inputs: Inputs, _ compute: () throws -> Value
  ) rethrows -> Value {
    defer { next += 1 }
    if next < calls.count, calls[next].inputs as? Inputs == inputs,
      let value = calls[next].value as? Value
    {
      return value
    }
    let value = try compute()
    if next == calls.count { calls.append((inputs, value)) }
    return value
  }
}

/// For what does not depend on the instruction set, such as the reference evaluator's values: computed
/// with the first, and taken from there with the others if `inputs` are the same.
package func sharedByInstructionSets<Inputs: Equatable, Value>(
  of inputs: Inputs, _ compute: () throws -> Value
) rethrows -> Value {
  guard let shared = SharedByInstructionSets.current else { return try compute() }
  return try shared.value(of: inputs, compute)
}

extension Trait where Self == EveryInstructionSet {
  package static var everyInstructionSet: Self { Self() }
  package static func everyInstructionSet(
    where isIncluded: @escaping @Sendable (InstructionSet) -> Bool
  ) -> Self {
    Self(isIncluded: isIncluded)
  }
}
