import Explanations
import ImageData
import RunSupport

/// Interpreters under the names by which results are reported: the first of a kind by its own, a
/// further one with its layer (`grad-cam@layer3`), one that differs from another at the same layer by
/// its options alone with those (`lrp-t@layer3+batchNorm=merged`).
///
/// What an interpreter has to know of the preprocessing and the recipe does not say is filled in.
/// - Parameters:
///   - specifications: equal ones count once.
///   - preprocessing: of the network.
///   - tangents: where those that are projected get their tangent spaces from; they are refused if `nil`.
package func reported(
  _ specifications: [InterpreterSpecification], _ preprocessing: Preprocessing,
  tangents: TangentImages? = nil
) throws -> [(name: String, any Interpreter)] {
  var distinct: [InterpreterSpecification] = []
  for specification in specifications where !distinct.contains(specification) {
    distinct.append(specification)
  }
  return try zip(reportedNames(of: distinct), distinct).map { name, specification in
    let known = try specification.completed(
      standardDeviation: preprocessing.standardDeviation.map(Double.init)
    ).completed { projection in
      guard let tangents else {
        throw RunError(
          "\(specification.name): projected is for trompe fool, evaluate, explain and study; leave it "
            + "out here")
      }
      return try tangents.source(of: projection)
    }
    return (name, try known.interpreter())
  }
}

/// A name for each of several different interpreters, in their order.
public func reportedNames(of specifications: [InterpreterSpecification]) -> [String] {
  var names: [String] = []
  for (position, specification) in specifications.enumerated() {
    let before = specifications[..<position].filter {
      $0.name == specification.name && ($0.projected == nil) == (specification.projected == nil)
    }
    var name = specification.name + (specification.projected == nil ? "" : "+projected")
    if !before.isEmpty, let layer = specification.layer { name += "@\(layer)" }
    if let alike = before.first(where: { $0.layer == specification.layer }) {
      name += specification.options(differingFrom: alike).map { "+\($0)" }.joined()
    }
    // Only where what distinguishes two composites is not in their names.
    var (unique, number) = (name, 2)
    while names.contains(unique) {
      unique = "\(name)#\(number)"
      number += 1
    }
    names.append(unique)
  }
  return names
}

extension InterpreterSpecification {
  /// `key=value` for each option that is not as in `other`.
  fileprivate func options(differingFrom other: Self) -> [String] {
    zip(shownOptions, other.shownOptions).filter { $0.value != $1.value }.map { own, _ in
      "\(own.key)=\(own.value ?? "default")"
    }
  }

  /// All options under their names in recipes; `nil` for those that are omitted.
  private var shownOptions: [(key: String, value: String?)] {
    [
      ("composite", composite?.summary), ("batchNorm", batchNorm?.rawValue),
      ("leak", leak.map { "\($0)" }), ("alpha", alpha?.rawValue),
      ("samples", samples.map { "\($0)" }),
      ("sigma", sigma.map { "\($0)" }),
      ("sigmaUnit", sigmaUnit?.rawValue), ("radius", radius.map { "\($0)" }),
      (
        "standardDeviation",
        standardDeviation.map { $0.map { "\($0)" }.joined(separator: ",") }
      ),
      ("steps", steps.map { "\($0)" }), ("seed", seed.map { "\($0)" }),
      ("softplus", softplus.map { "\($0)" }),
      ("channels", channels?.rawValue), ("neighbours", projected.map { "\($0.neighbours)" }),
      ("dimensions", projected.map { "\($0.dimensions)" }),
      ("of", of.map { $0.map(\.shown).joined(separator: ",") }),
    ]
  }
}

extension InterpreterSpecification {
  /// `name@layer`.
  fileprivate var shown: String { name + (layer.map { "@\($0)" } ?? "") }
}

extension RelevanceComposite {
  /// The table in one word: `first.convolution:flat,convolution:alpha-beta(2,1,0.01)`.
  fileprivate var summary: String {
    entries.map { entry in
      [entry.position?.rawValue, entry.name, entry.layer.rawValue].compactMap(\.self)
        .joined(separator: ".") + ":\(entry.rule.summary)"
    }.joined(separator: ",")
  }
}

extension RelevanceRule {
  /// The rule with its numbers: `alpha-beta(2,1,0.01)`.
  fileprivate var summary: String {
    func with(_ numbers: Double..., countsBias: Bool = true) -> String {
      let shown = numbers.map { "\($0)" } + (countsBias ? [] : ["no bias"])
      return "\(name.rawValue)(\(shown.joined(separator: ",")))"
    }
    return switch self {
    case .epsilon(let epsilon, let countsBias), .wSquare(let epsilon, let countsBias):
      with(epsilon, countsBias: countsBias)
    case .alphaBeta(let alpha, let beta, let epsilon, let countsBias):
      with(alpha, beta, epsilon, countsBias: countsBias)
    case .gamma(let gamma, let epsilon, let countsBias):
      with(gamma, epsilon, countsBias: countsBias)
    case .flat(let epsilon), .positiveShare(let epsilon), .share(let epsilon): with(epsilon)
    case .pass, .winnerTakesAll, .signalTakesAll: name.rawValue
    }
  }
}
