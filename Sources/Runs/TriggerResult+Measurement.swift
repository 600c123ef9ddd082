import Evaluation
import Foolings
import RunFolders

extension TriggerResult {
  /// What was measured under each trigger.
  /// - Parameter classNames: of all the network's classes.
  static func all(
    _ results: MeasuredNetworks, of fooling: TriggerFooling, interpreters: [String],
    classNames: [String]
  ) -> [TriggerResult] {
    // Labels of the images that are compared, by position.
    let labels = Dictionary(
      results.original.predictions.map { ($0.position, $0.label) },
      uniquingKeysWith: { first, _ in first })
    return fooling.attacks.enumerated().map { index, attack in
      func compared(_ value: (TriggerMeasurement) -> Double?) -> Summary.Compared? {
        guard let original = value(results.original.triggered[index]),
          let manipulated = value(results.manipulated.triggered[index])
        else { return nil }
        return Summary.Compared(
          original: original, manipulated: manipulated,
          control: results.control.flatMap { value($0.triggered[index]) })
      }
      func explanations(_ name: String, of label: Int? = nil) -> Explanations? {
        func distances(_ pair: TriggerMeasurement.Pair) -> Distances? {
          func mean(_ measure: Int) -> Summary.Compared? {
            compared { result in
              let means = result.means(name, pair) { label == nil || labels[$0] == label }
              return means.isEmpty ? nil : means[measure]
            }
          }
          guard let mse = mean(0), let dssim = mean(1), let spearman = mean(2) else { return nil }
          return Distances(mse: mse, dssim: dssim, spearman: spearman)
        }
        guard let a = distances(.cleanToTarget), let b = distances(.cleanToOriginal),
          let c = distances(.triggeredToTarget), let d = distances(.triggeredToOriginal)
        else { return nil }
        return Explanations(
          cleanToTarget: a, cleanToOriginal: b, triggeredToTarget: c, triggeredToOriginal: d)
      }
      func name(_ label: Int) -> String {
        label < classNames.count ? classNames[label] : "\(label)"
      }
      let classes = Set(labels.values).sorted().compactMap { label -> ClassResult? in
        guard let maps = explanations(interpreters[0], of: label) else { return nil }
        return ClassResult(
          name: name(label), index: label,
          successRate: attack.label.flatMap { wanted in
            compared { $0.successRate(of: wanted) { $0 == label } }
          },
          accuracy: compared { $0.accuracy { $0 == label } }!, explanations: maps)
      }
      return TriggerResult(
        trigger: attack.trigger.description, attack: attack.kind.rawValue,
        target: attack.targetName, label: attack.label.map(name),
        successRate: attack.label.flatMap { wanted in compared { $0.successRate(of: wanted) } },
        accuracy: compared { $0.accuracy() }!,
        explanations: Dictionary(
          uniqueKeysWithValues: interpreters.compactMap { name in
            explanations(name).map { (name, $0) }
          }), classes: classes)
    }
  }
}
