import Reports
import TestSupport
import Testing

@Suite struct StudyReportTests {
  private func report(_ name: String, pending: [String] = []) -> StudyReport {
    StudyReport(
      name: name, toolVersion: "9.9.9",
      subjects: [.init(name: name, original: nil, file: name)],
      sections: [
        .init(
          name: "aopc", title: name, question: name, findings: [name, "second"],
          tables: [
            .init(
              caption: name, head: ["σ 0", "σ 1"],
              rows: [.init(name, [.init(name, share: 0.5), .init("7")])])
          ],
          charts: [
            .init(
              title: name, xTitle: name, isShare: true,
              series: [
                .init(
                  name: name, points: [.init(x: 0, y: 0.25), .init(x: 1, y: 0.5, spread: 0.125)]),
                .init(name: "b", points: [.init(x: 0, y: 1), .init(x: 1, y: 1)]),
              ])
          ], note: name)
      ], pending: pending, facts: [.init(name, name)], recipe: name)
  }

  /// Names from files stay text, whatever they hold.
  @Test(arguments: ReportPageTests.hostile)
  func namesAreText(name: String) throws {
    let page = try Page(StudyReportPage(report(name, pending: [name])).html())
    #expect(page.all("script").isEmpty && page.all("img").isEmpty)
    #expect(page.all("section").count == 3 && page.all("li").count == 2 + 2)
  }

  /// A band goes from σ = 0, where there is none, to 0.5 ± 0.125 of the whole range.
  @Test func spreadsAreBands() throws {
    let page = try Page(StudyReportPage(report("first")).html())
    let bands = page.all("polygon", class: "band")
    #expect(bands.count == 1)
    // The plot reaches from 52, 212 to 468, 12.
    #expect(
      bands.first?.attributes["points"] == "52.0,162.0 468.0,87.0 468.0,137.0 52.0,162.0")
    #expect(page.all("td", class: "heat").first?.attributes["style"] == "--share: 50.0%")
    #expect(page.all("p", class: "headline").isEmpty)
  }
}
