import Explanations
import ImageData

/// Interpreters under the names by which results are reported: their own, with the layer where two
/// of one name are measured (`grad-cam@layer3`).
///
/// What an interpreter has to know of the preprocessing and the recipe does not say is filled in.
func reported(
  _ specifications: [InterpreterSpecification], _ preprocessing: Preprocessing
) throws -> [(name: String, any Interpreter)] {
  var distinct: [InterpreterSpecification] = []
  for specification in specifications where !distinct.contains(specification) {
    distinct.append(specification)
  }
  return try distinct.enumerated().map { position, specification in
    let isRepeated = distinct[..<position].contains { $0.name == specification.name }
    let layer = specification.layer.map { "@\($0)" } ?? ""
    var specification = specification
    if specification.name == "uni-grad", specification.standardDeviation == nil {
      specification.standardDeviation = preprocessing.standardDeviation.map(Double.init)
    }
    return (
      isRepeated ? specification.name + layer : specification.name, try specification.interpreter()
    )
  }
}
