import Checkpoints

extension Summary {
  /// The target layer of the interpreter in question, if it has one.
  package var layer: String? {
    guard case .object(let sections)? = settings,
      case .object(let interpreter)? = sections["interpreter"],
      case .text(let layer)? = interpreter["layer"]
    else { return nil }
    return layer
  }

  /// Names of the interpreters, the fooled one first.
  public var interpreters: [String] {
    fsr.keys.sorted { ($0 != interpreter ? 1 : 0, $0) < ($1 != interpreter ? 1 : 0, $1) }
  }
}
