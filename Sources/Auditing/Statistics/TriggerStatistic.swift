import Foundation

extension AuditStatistic {
  /// Is there a class that any image becomes with less paint than the others?
  ///
  /// (median − min)/(1.4826·MAD) over the classes' objectives of trigger inversion, in logarithms; beside an
  /// original over their ratios to its objectives, since some classes are easier in every network.
  /// Wang et al. 2019.
  static let triggerInversion = AuditStatistic(
    "trigger-inversion", title: "Trigger inversion",
    question: "Is there a class that every image becomes with less paint than others?",
    tail: .high, scale: .plain, countsBesideOriginal: true,
    ownPValue: { anomaly, evidence in
      pValue(ofAnomaly: anomaly.value, among: evidence.triggers.count)
    },
    measure: { evidence in
      var objectives = evidence.triggers.map(\.objective)
      if objectives.count == evidence.originalTriggers.count {
        objectives = zip(objectives, evidence.originalTriggers).map {
          $0 / max($1.objective, 1e-9)
        }
      }
      return anomaly(of: objectives).map { [StatisticPart($0)] } ?? []
    })

  /// Of the smallest of several classes, if they are exchangeable: Bonferroni's correction of Student's
  /// tail, with one degree of freedom fewer than there are classes.
  package static func pValue(ofAnomaly anomaly: Double, among classes: Int) -> Double {
    min(
      1, Double(classes) * Significance.studentTail(anomaly, degrees: Double(max(1, classes - 1))))
  }

  static let fewestAnomalyClasses = 4

  /// How far the smallest of several positive numbers lies below the others, in robust standard
  /// deviations of the logarithms; `nil` of fewer than 4.
  package static func anomaly(of objectives: [Double]) -> Double? {
    guard objectives.count >= fewestAnomalyClasses, let smallest = objectives.min() else {
      return nil
    }
    let logs = objectives.map { log(max($0, 1e-9)) }
    let median = logs.median
    let deviation = logs.map { abs($0 - median) }.median
    // A median absolute deviation of a normal distribution is 1/1.4826 of its standard deviation.
    return (median - log(max(smallest, 1e-9))) / (1.4826 * max(deviation, 0.02))
  }
}
