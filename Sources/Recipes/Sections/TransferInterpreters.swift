import Explanations

/// Which methods a manipulation is measured by when a recipe does not list them one by one: is it
/// fooled as well, though nobody meant it?
public enum TransferInterpreters: String, CaseIterable, Sendable {
  /// Every method that explains an image in one pass.
  case singlePass = "single-pass"
  /// Every method there is; those that average over many samples or steps take as many passes.
  case all

  /// The methods besides `fooled`, those at a target layer at its layer. Where it explains at the
  /// input there is no layer, and they are omitted.
  public func interpreters(besides fooled: InterpreterSpecification) -> [InterpreterSpecification] {
    InterpreterKind.all.compactMap { kind in
      guard kind.name != fooled.name, kind.place == .input || fooled.layer != nil else {
        return nil
      }
      let specification = InterpreterSpecification(
        name: kind.name, layer: kind.place == .targetLayer ? fooled.layer : nil)
      guard let interpreter = try? specification.interpreter() else { return nil }
      return self == .singlePass && interpreter is any SampledInterpreter ? nil : specification
    }
  }
}
