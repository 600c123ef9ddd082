import Checkpoints

extension Summary {
  /// The target layer of the interpreter in question, if it has one; of several that of the first.
  package var layer: String? {
    guard case .object(let sections)? = settings,
      case .object(let interpreter)? = sections["interpreter"]?.first,
      case .text(let layer)? = interpreter["layer"]
    else { return nil }
    return layer
  }

  /// How a trigger fooling compares maps: `mse` or `dssim`.
  package var dissimilarity: String {
    guard case .object(let sections)? = settings, case .object(let fooling)? = sections["fooling"],
      case .text(let name)? = fooling["dissimilarity"]
    else { return "mse" }
    return name
  }

  /// What a fooling measures beside its success rate, as tables for people.
  public var foolingTables: [TriggerResult.Table] {
    (triggers ?? []).flatMap { $0.tables(interpreter, dissimilarity) }
      + (targetMap?.tables(interpreters) ?? [])
  }

  /// Names of the interpreters, the fooled ones first.
  public var interpreters: [String] {
    let fooled = fooled
    func place(_ name: String) -> Int { fooled.firstIndex(of: name) ?? fooled.count }
    return fsr.keys.sorted { (place($0), $0) < (place($1), $1) }
  }
}

extension JSONValue {
  /// The first of a list; what is no list by itself.
  fileprivate var first: JSONValue? {
    if case .array(let values) = self { values.first } else { self }
  }
}
