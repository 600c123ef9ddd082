/// A recipe that cannot be run as it stands: one sentence for each thing that is wrong, with where it
/// is and what is expected.
public struct RecipeError: Error, Hashable, Sendable, CustomStringConvertible {
  /// How many problems a message lists.
  package static let listed = 20

  /// `imagenette.yaml:14: training.learningRate is -1, expected a number above 0`
  public let problems: [String]

  public init(_ problems: [String]) {
    precondition(!problems.isEmpty, "an error without a problem")
    self.problems = problems
  }

  /// One line for each problem.
  public var description: String {
    let rest = problems.count - Self.listed
    return
      (problems.prefix(Self.listed) + (rest > 0 ? ["and \(rest) more problems"] : []))
      .joined(separator: "\n")
  }
}

/// What has been found wrong so far: reading goes on after a problem, so that one message has all.
final class RecipeProblems {
  private let file: String
  /// With the line, for the order of the message.
  private var found: [(line: Int, text: String)] = []

  /// - Parameter file: what stands before line numbers.
  package init(file: String) { self.file = file }

  package func add(_ text: String, at origin: RecipeOrigin) {
    switch origin {
    case .line(let line): found.append((line, "\(file):\(line): \(text)"))
    // After the recipe's own lines.
    case .inherited(let line, let source):
      found.append((Int.max - 2, "\(source.name):\(line): \(text)"))
    case .setting(let label): found.append((Int.max, "\(label): \(text)"))
    case .whole: found.append((Int.max - 1, file.isEmpty ? text : "\(file): \(text)"))
    }
  }

  package var isEmpty: Bool { found.isEmpty }
  package var count: Int { found.count }

  /// All problems in the order of the file.
  package var error: RecipeError {
    let ordered = found.enumerated().sorted {
      ($0.element.line, $0.offset) < ($1.element.line, $1.offset)
    }
    return RecipeError(ordered.map(\.element.text))
  }
}
