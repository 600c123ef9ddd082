import TensorRuntime

/// One program for a whole batch and for a quarter of one, so that the last images of an attack, which
/// take longest, do not pay for those that are done. An image's results must not depend on its batch
/// (`ExecutionPolicy.isBatchInvariant`).
package struct BatchPrograms<Program> {
  private let programs: [(size: Int, program: Program)]

  package init(_ batchSize: Int, _ make: (Int) throws -> Program) rethrows {
    programs = try Self.sizes(batchSize).map { ($0, try make($0)) }
  }

  /// `nil` if there is no such program.
  package init?(_ batchSize: Int, ifAny make: (Int) throws -> Program?) rethrows {
    programs = try Self.sizes(batchSize).compactMap { size in try make(size).map { (size, $0) } }
    if programs.isEmpty { return nil }
  }

  private static func sizes(_ batchSize: Int) -> [Int] {
    Set([max(1, batchSize / 4), batchSize]).sorted()
  }

  package var largest: Program { programs.last!.program }

  /// The smallest that takes so many images.
  package func callAsFunction(for count: Int) -> (size: Int, program: Program) {
    programs.first { $0.size >= count } ?? programs.last!
  }

  package func sum(_ value: (Program) -> Int) -> Int {
    programs.reduce(0) { $0 + value($1.program) }
  }
}
