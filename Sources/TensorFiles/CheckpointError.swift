/// What is wrong with a file, in one sentence for each thing that is wrong.
public struct CheckpointError: Error, Hashable, Sendable, CustomStringConvertible {
  public struct Problem: Hashable, Sendable {
    /// Full name of the dataset, group or attribute inside the file; nil when it is the whole file.
    public let dataset: String?
    public let text: String

    public init(dataset: String? = nil, _ text: String) {
      self.dataset = dataset
      self.text = text
    }
  }

  public let path: String
  public let problems: [Problem]
  /// What to do about all of them, one sentence.
  public var hint: String?

  public init(path: String, problems: [Problem], hint: String? = nil) {
    precondition(!problems.isEmpty, "an error without a problem")
    (self.path, self.problems, self.hint) = (path, problems, hint)
  }

  public init(path: String, dataset: String? = nil, _ text: String) {
    self.init(path: path, problems: [Problem(dataset: dataset, text)])
  }

  /// So many problems are shown; more say no more.
  public static let shownProblems = 10

  /// One line for each problem: `vgg19.h5: /features.0.weight is missing, expected [64, 3, 3, 3]`; the
  /// first ten, then how many more.
  public var description: String {
    var lines = problems.prefix(Self.shownProblems).map { problem in
      let place = problem.dataset.map { ": /\(printable($0)) " } ?? ": "
      return printable(path) + place + problem.text
    }
    if problems.count > lines.count {
      lines.append("\(printable(path)): and \(problems.count - lines.count) more of the kind")
    }
    if let hint { lines.append("\(printable(path)): \(hint)") }
    return lines.joined(separator: "\n")
  }
}

/// Names come from files we did not write: control characters, marks that turn the direction of
/// writing, and what is invisible must not reach a terminal. A name that is longer than any that is
/// meant to be read is cut.
public func printable(_ name: String) -> String { printable(name, atMost: 1000) }

/// - Parameters:
///   - name: text from a file.
///   - longest: characters that are kept.
public func printable(_ name: String, atMost longest: Int) -> String {
  guard name.utf8.count > longest else { return escaped(name) }
  let count = name.unicodeScalars.count
  guard count > longest else { return escaped(name) }
  let start = String(String.UnicodeScalarView(name.unicodeScalars.prefix(longest)))
  return escaped(start) + "… (\(count) characters)"
}

/// With `\u{1b}` and the like in place of what may not be shown.
/// - Parameters:
///   - text: text from a file.
///   - keepsLines: whether line breaks stay.
public func escaped(_ text: String, keepsLines: Bool = false) -> String {
  var result = ""
  result.reserveCapacity(text.utf8.count)
  for scalar in text.unicodeScalars {
    // Nearly all text.
    if scalar.value >= 0x20 && scalar.value < 0x7f || keepsLines && scalar == "\n" {
      result.unicodeScalars.append(scalar)
      continue
    }
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator:
      result += "\\u{\(String(scalar.value, radix: 16))}"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result
}
