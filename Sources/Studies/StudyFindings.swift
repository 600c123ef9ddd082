import Checkpoints
import Foundation
import Reports
import RunFolders
import RunSupport

/// What one study has found: written as soon as it is finished, as `studies/<name>.json`.
public struct StudyFindings: Codable {
  /// What `summary.json` says of it.
  package var numbers: JSONValue
  /// What the report shows of it.
  package var section: StudyReport.Section
  package var seconds = 0.0

  /// - Parameter numbers: anything that can be written as JSON.
  package init(_ numbers: some Encodable, section: StudyReport.Section) throws {
    self.numbers = try JSONDecoder.nonFinite.decode(
      JSONValue.self, from: JSONEncoder.nonFinite.encode(numbers))
    self.section = section
  }

  /// - Parameter json: a file's bytes.
  public init(json: Data) throws { self = try JSONDecoder.nonFinite.decode(Self.self, from: json) }

  /// - Returns: `nil` if the study was not finished.
  /// - Throws: `RunError` if the file cannot be read.
  package init?(contentsOf path: String, in folder: RunFolder) throws {
    guard let data = try folder.contents(of: path) else { return nil }
    do { try self.init(json: data) } catch {
      throw RunError("\(path) cannot be read as what a study has found; remove it to do it again")
    }
  }
}
