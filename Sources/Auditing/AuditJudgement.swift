import Foundation
import Networks
import Programs
import RunSupport
import TensorGraph

/// From evidence to findings.
struct AuditJudgement {
  let evidence: AuditEvidence
  let request: AuditRequest
  let names: [String]
  let networks: (suspect: LoadedNetwork, original: LoadedNetwork?)
  let others: Int
  let notes: [String]

  init(
    _ evidence: AuditEvidence, request: AuditRequest, names: [String],
    networks: (suspect: LoadedNetwork, original: LoadedNetwork?), others: Int, notes: [String]
  ) {
    (self.evidence, self.request, self.names) = (evidence, request, names)
    (self.networks, self.others, self.notes) = (networks, others, notes)
  }

  /// Parts of one statistic with their p-values.
  private struct Judged {
    let statistic: AuditStatistic
    let parts: [(part: StatisticPart, finding: AuditFindings.Part)]
    let counts: Bool
    var pValue: Double? {
      Significance.combined(parts.compactMap(\.finding.pValue))
    }
  }

  func findings(seconds: Double) throws -> AuditFindings {
    let judged = AuditStatistic.all.map(judge)
    let counting = judged.filter(\.counts)
    let pValue = Significance.combined(counting.compactMap(\.pValue))
    let measured = AuditVerdict(pValue: pValue)
    let provenance = AuditFindings.ProvenanceFinding(networks.suspect, networks.original)
    let affected = affectedInterpreters(counting)
    let likely = LikelyManipulation.find(evidence, interpreters: affected)
    let classes = affectedClasses(counting)
    let sure = (0..<evidence.suspect.count).count {
      evidence.suspect.isSure($0) && evidence.original?.isSure($0) ?? true
    }
    var findings = AuditFindings(
      verdict: provenance.saysManipulated ? .manipulated : measured, measuredVerdict: measured,
      pValue: pValue, suspect: network(networks.suspect, evidence.suspect),
      original: networks.original.flatMap { original in
        evidence.original.map { network(original, $0) }
      },
      provenance: provenance, images: evidence.suspect.count, sureImages: sure,
      otherImages: others,
      outputChange: evidence.original.map { evidence.suspect.outputChange(from: $0) },
      statistics: judged.map { judged in
        AuditFindings.Statistic(
          name: judged.statistic.name, title: judged.statistic.title,
          question: judged.statistic.question, suspiciousTail: judged.statistic.tail.rawValue,
          counts: judged.counts, pValue: judged.pValue, parts: judged.parts.map(\.finding))
      }, affectedInterpreters: affected.map { evidence.interpreters[$0].name },
      affectedClasses: classes, layers: try layers(), likelyManipulation: likely,
      patches: patches(),
      triggers: evidence.triggers.map {
        AuditFindings.Trigger(
          className: names[$0.index], objective: $0.objective, maskShare: $0.maskShare,
          success: $0.success)
      }, fineTunes: fineTunes(), sentences: [], notes: notes, seconds: seconds,
      seed: request.seed, toolVersion: Trompe.version)
    findings.sentences = AuditSentences(findings).all
    return findings
  }

  private func network(_ network: LoadedNetwork, _ reading: NetworkReading)
    -> AuditFindings.Network
  {
    AuditFindings.Network(
      file: network.path ?? "", sha256: network.sha256, architecture: network.architecture.name,
      accuracy: reading.accuracy)
  }

  // MARK: Statistics

  private func judge(_ statistic: AuditStatistic) -> Judged {
    let parts = statistic.measure(evidence).map { part in
      (part, finding(part, of: statistic))
    }
    return Judged(
      statistic: statistic, parts: parts,
      counts: statistic.counts(in: evidence)
        && parts.contains { $0.1.pValue != nil })
  }

  private func finding(_ part: StatisticPart, of statistic: AuditStatistic) -> AuditFindings.Part {
    var finding = AuditFindings.Part(
      interpreter: part.interpreter.map { evidence.interpreters[$0].name }, value: part.value,
      standardError: part.standardError, honest: nil, honestRange: nil, pValue: nil,
      byClass: byClass(part), role: part.role)
    if statistic.needsOriginal {
      guard let original = evidence.original, let place = part.interpreter,
        let null = ChangeNull(fineTunePoints(place, of: original))
      else { return finding }
      let change = evidence.suspect.outputChange(from: original)
      finding.honest = 1 - null.expectedDistance(at: change)
      finding.pValue = null.pValue(distance: 1 - part.value, at: change)
    } else if let distance = statistic.distance, let original = evidence.original,
      let null = ChangeNull(fineTunePoints(distance, of: original))
    {
      let change = evidence.suspect.outputChange(from: original)
      finding.honest = null.expectedDistance(at: change)
      finding.pValue = null.pValue(distance: part.value, at: change)
    } else if let ownPValue = statistic.ownPValue {
      finding.pValue = ownPValue(part, evidence)
    } else if let null = ReferenceNull.find(statistic.name, role: part.role) {
      finding.pValue = null.pValue(statistic.scale(part.value), tail: statistic.tail)
      finding.honest = statistic.scale.inverse(null.mean)
      finding.honestRange = [-1.96, 1.96].map {
        statistic.scale.inverse(null.mean + $0 * null.deviation)
      }
    }
    return finding
  }

  /// Changes of outputs and disagreements of the fine-tunes with what they were made from.
  private func fineTunePoints(
    _ place: Int, of original: NetworkReading
  ) -> [(change: Double, distance: Double)] {
    evidence.fineTunes.compactMap { tune in
      agreement(tune.reading, original, of: evidence.interpreters)
        .first { $0.interpreter == place }
        .map { (tune.reading.outputChange(from: original), 1 - $0.value) }
    }
  }

  /// Changes of outputs and distances of the original, which has not changed, and of its fine-tunes.
  private func fineTunePoints(
    _ distance: (NetworkReading) -> Double?, of original: NetworkReading
  ) -> [(change: Double, distance: Double)] {
    ([original] + evidence.fineTunes.map(\.reading)).compactMap { reading in
      distance(reading).map { (reading.outputChange(from: original), $0) }
    }
  }

  private func byClass(_ part: StatisticPart) -> [String: Double] {
    Dictionary(grouping: part.perImage) { evidence.suspect.labels[$0.image] }
      .reduce(into: [:]) { $0[names[$1.key]] = $1.value.map(\.value).mean }
  }

  /// Parts of interpreters whose p-value, corrected for all that count, is suspicious.
  private func suspicious(_ judged: [Judged]) -> [(place: Int, part: StatisticPart, p: Double)] {
    let all = judged.flatMap { own in
      own.parts.compactMap { part, finding -> (StatisticPart, Double)? in
        finding.pValue.map { (part, $0 * Double(own.parts.count * judged.count)) }
      }
    }
    return all.compactMap { part, p in
      guard let place = part.interpreter, p <= AuditVerdict.suspiciousBelow else { return nil }
      return (place, part, p)
    }.sorted { $0.p < $1.p }
  }

  private func affectedInterpreters(_ judged: [Judged]) -> [Int] {
    suspicious(judged).reduce(into: []) { if !$0.contains($1.place) { $0.append($1.place) } }
  }

  /// Classes whose own mean is on the suspicious side of what honest fine-tunes have for the whole
  /// network, by the strongest of the statistics.
  private func affectedClasses(_ judged: [Judged]) -> [String] {
    guard let worst = suspicious(judged).first,
      let statistic = judged.first(where: { judged in
        judged.parts.contains {
          $0.part.interpreter == worst.place && $0.part.value == worst.part.value
        }
      }),
      let finding = statistic.parts.first(where: {
        $0.part.interpreter == worst.place && $0.part.value == worst.part.value
      })?.finding, let honest = finding.honest
    else { return [] }
    // Half way from honest networks to this one.
    let border = (honest + finding.value) / 2
    return finding.byClass.filter {
      statistic.statistic.tail == .low ? $0.value < border : $0.value > border
    }.keys.sorted()
  }

  private func patches() -> [AuditFindings.Patch] {
    func patch(_ finding: PatchScan.Finding, of place: Int?) -> AuditFindings.Patch {
      AuditFindings.Patch(
        changes: place == nil ? "labels" : "heatmaps",
        interpreter: place.map { evidence.interpreters[$0].name }, row: finding.patch.row,
        column: finding.patch.column, side: finding.patch.side, look: finding.patch.look.rawValue,
        className: finding.label.map { names[$0] }, value: finding.mean,
        images: finding.values.count)
    }
    guard let found = evidence.patches else { return [] }
    return [found.labels].compactMap(\.self).map { patch($0, of: nil) }
      + found.heatmaps.map { patch($0.finding, of: $0.place) }
  }

  // MARK: Layers and fine-tunes

  private func layers() throws -> [AuditFindings.LayerFinding] {
    let now = networks.suspect.parameters
    let before = networks.original?.parameters
    var layers: [AuditFindings.LayerFinding] = []
    for layer in networks.suspect.architecture.parameterizedLayers {
      var (change, size) = (0.0, 0.0)
      for parameter in layer.parameters where now.shape(of: parameter.name) != nil {
        guard let before, !parameter.name.hasSuffix("running_mean"),
          !parameter.name.hasSuffix("running_var")
        else { continue }
        let (w, w0) = (
          try now.download(parameter.name).values, try before.download(parameter.name).values
        )
        for (a, b) in zip(w, w0) {
          change += Double(a - b) * Double(a - b)
          size += Double(b) * Double(b)
        }
      }
      let gap = evidence.suspect.batchNorms.first { $0.layer == layer.name }
      layers.append(
        AuditFindings.LayerFinding(
          name: layer.name,
          weightChange: before == nil ? nil : (change / max(size, 1e-30)).squareRoot(),
          batchNormMean: gap?.mean, batchNormLogVariance: gap?.logVariance))
    }
    return layers
  }

  private func fineTunes() -> [AuditFindings.FineTune] {
    let start = evidence.original ?? evidence.suspect
    return (evidence.fineTunes + [evidence.recovered].compactMap(\.self)).map { tune in
      AuditFindings.FineTune(
        setting: tune.name, steps: tune.steps, accuracy: tune.reading.accuracy,
        outputChange: tune.reading.outputChange(from: start),
        agreement: agreement(tune.reading, start, of: evidence.interpreters)
          .reduce(into: [:]) { result, part in
            if let place = part.interpreter {
              result[evidence.interpreters[place].name] = part.value
            }
          })
    }
  }
}

extension StatisticScale {
  func inverse(_ value: Double) -> Double {
    switch self {
    case .plain: value
    case .fisher: tanh(value)
    case .logarithm: exp(value)
    }
  }
}

extension AuditFindings.ProvenanceFinding {
  init(_ suspect: LoadedNetwork, _ original: LoadedNetwork?) {
    let provenance = suspect.provenance
    self.init(
      saysManipulated: provenance?.manipulated == true,
      note: provenance?.manipulated == true ? provenance?.note : nil,
      namesOriginal: original.flatMap { original in
        guard let named = provenance?.originalSHA256, let own = original.sha256 else { return nil }
        return named == own
      })
  }
}
