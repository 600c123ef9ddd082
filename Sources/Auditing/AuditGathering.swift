import Foundation
import ImageData
import Pictures
import Programs
import Reports

/// The page of an audit: sentences, pictures of the strongest evidence first, then all numbers.
struct AuditGathering {
  private let evidence: AuditEvidence
  private let findings: AuditFindings
  private let pictures: AuditPictures

  init(_ evidence: AuditEvidence, _ findings: AuditFindings, _ pictures: AuditPictures) {
    (self.evidence, self.findings, self.pictures) = (evidence, findings, pictures)
  }

  func html(of folder: String, _ request: AuditRequest) -> String {
    let networks =
      [("Suspect", findings.suspect)]
      + (findings.original.map { [("Original", $0)] } ?? [])
    let facts = networks.flatMap { title, network in
      [
        RunReport.Fact(title, network.file), RunReport.Fact("Its SHA-256", network.sha256 ?? ""),
        RunReport.Fact(
          "Its accuracy on these images", String(format: "%.2f %%", 100 * network.accuracy)),
      ]
    }
    return AuditReportPage(
      AuditReport(
        name: URL(fileURLWithPath: findings.suspect.file).lastPathComponent,
        toolVersion: findings.toolVersion, verdict: findings.verdict.rawValue,
        isAlarm: findings.verdict != .nothingFound, sentences: findings.sentences,
        evidence: pictures.all, sections: sections,
        facts: facts + [
          .init("Data", request.images.description),
          .init(
            "Images",
            "\(findings.images) compared, \(findings.sureImages) of them counted; \(findings.otherImages) "
              + "others for batch norms and fine-tunes"),
          .init("Seed", "\(findings.seed)"),
          .init("Seconds", String(format: "%.0f", findings.seconds)),
          .init("Folder", folder), .init("Version", "trompe \(findings.toolVersion)"),
        ])
    ).html()
  }

  // MARK: Numbers

  private var sections: [StudyReport.Section] {
    [statistics, layers, triggers, fineTunes].compactMap(\.self)
  }

  private func number(_ value: Double?) -> String {
    value.map { String(format: "%.3f", $0) } ?? "–"
  }

  private var statistics: StudyReport.Section {
    let tables = findings.statistics.filter { !$0.parts.isEmpty }.map { statistic in
      StudyReport.Table(
        caption: statistic.title
          + (statistic.counts
            ? statistic.pValue.map { ": p \(AuditSentences.pValue($0))" } ?? ""
            : " (takes no part in the verdict)"),
        head: ["value", "± standard error", "honest", "honest range", "p"],
        rows: statistic.parts.map { part in
          .init(
            part.interpreter ?? "network",
            [
              .init(number(part.value)), .init(number(part.standardError)),
              .init(number(part.honest)),
              .init(part.honestRange.map { "\(number($0[0])) to \(number($0[1]))" } ?? "–"),
              .init(
                part.pValue.map(AuditSentences.pValue) ?? "–",
                share: part.pValue.map { $0 < 0.01 ? 1 : 0 }),
            ])
        })
    }
    return StudyReport.Section(
      name: "statistics", title: "Statistics", question: "What tells it from honest networks?",
      findings: findings.statistics.filter { !$0.parts.isEmpty }.map {
        "\($0.title): \($0.question)"
      },
      tables: tables, charts: [],
      note:
        "A p-value is the probability that an honest network lies at least as far out. That of a "
        + "statistic is corrected for its lines, that of the verdict for the statistics."
    )
  }

  private var layers: StudyReport.Section? {
    let rows = findings.layers.filter { $0.weightChange != nil || $0.batchNormMean != nil }
    guard !rows.isEmpty else { return nil }
    let largest = rows.compactMap(\.weightChange).max() ?? 0
    return StudyReport.Section(
      name: "layers", title: "Layers", question: "Where in the network?", findings: [],
      tables: [
        .init(
          caption: "Layers in the order of the network",
          head: ["change of weights", "batch-norm mean", "batch-norm log variance"],
          rows: rows.map { layer in
            .init(
              layer.name,
              [
                .init(
                  number(layer.weightChange),
                  share: layer.weightChange.map { largest > 0 ? $0 / largest : 0 }),
                .init(number(layer.batchNormMean)), .init(number(layer.batchNormLogVariance)),
              ])
          })
      ], charts: [],
      note:
        "Change of weights: ‖Δw‖/‖w₀‖. Batch norms: their running statistics against those of clean "
        + "images, means over channels.")
  }

  private var triggers: StudyReport.Section? {
    guard !findings.triggers.isEmpty else { return nil }
    return StudyReport.Section(
      name: "triggers", title: "Trigger inversion",
      question: "How much paint makes a class of any image?", findings: [],
      tables: [
        .init(
          caption: "Classes", head: ["objective", "painted share, %", "success, %"],
          rows: findings.triggers.map {
            .init(
              $0.className,
              [
                .init(number($0.objective)), .init(number(100 * $0.maskShare)),
                .init(number(100 * $0.success)),
              ])
          })
      ], charts: [],
      note: "Cross-entropy at the class plus the weighted size of the mask, minimised.")
  }

  private var fineTunes: StudyReport.Section? {
    guard !findings.fineTunes.isEmpty else { return nil }
    return StudyReport.Section(
      name: "fine-tunes", title: "Honest fine-tunes",
      question: "How much do heatmaps change if nobody means to change them?", findings: [],
      tables: [
        .init(
          caption: "Made on the spot of the \(findings.original == nil ? "suspect" : "original")",
          head: ["accuracy, %", "change of outputs"] + evidence.interpreters.map(\.name),
          rows: findings.fineTunes.map { tune in
            .init(
              tune.setting,
              [.init(number(100 * tune.accuracy)), .init(number(tune.outputChange))]
                + evidence.interpreters.map { .init(number(tune.agreement[$0.name])) })
          })
      ], charts: [], note: "Agreement of heatmaps with those before, Spearman's ρ.")
  }
}
