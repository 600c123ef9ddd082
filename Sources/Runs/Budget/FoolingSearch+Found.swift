/// What a search has found.
extension FoolingSearch {
  /// The state that is exported; `nil` if that is the original.
  package var exported: Kept? {
    setting.drops.firstIndex(of: setting.exported).flatMap { kept[$0] }
  }

  /// Learning rates from the original to the state that is exported.
  package var keptPath: [Double] {
    exported.map { Array(trials[$0.trial].path.prefix($0.steps)) } ?? []
  }

  /// The best success rate at each drop that was seen, by rising drop.
  package var frontier: [Measure] {
    var best: [Measure] = []
    let sorted = seen.sorted { ($0.drop, -$0.fsr) < ($1.drop, -$1.fsr) }
    for measure in sorted where measure.fsr > best.last?.fsr ?? -1 { best.append(measure) }
    return best
  }
}
