import Foundation
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// A page as an XML parser reads it: that it can be read is the first test.
public final class Page: NSObject, XMLParserDelegate {
  public struct Element {
    public let name: String
    public let attributes: [String: String]
    /// All text inside.
    public fileprivate(set) var text = ""
  }
  public private(set) var elements: [Element] = []
  private var open: [Int] = []

  public init(_ html: String) throws {
    super.init()
    let parser = XMLParser(data: Data(html.utf8))
    parser.shouldResolveExternalEntities = false
    parser.delegate = self
    let isWellFormed = parser.parse()
    try #require(
      isWellFormed, "line \(parser.lineNumber): \(String(describing: parser.parserError))")
  }

  public func all(_ name: String, class wanted: String? = nil) -> [Element] {
    elements.filter { element in
      element.name == name
        && (wanted.map {
          element.attributes["class"]?.split(separator: " ").map(String.init).contains($0) == true
        } ?? true)
    }
  }

  public func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
    qualifiedName: String?, attributes: [String: String]
  ) {
    open.append(elements.count)
    elements.append(Element(name: name, attributes: attributes))
  }

  public func parser(
    _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
  ) {
    open.removeLast()
  }

  public func parser(_ parser: XMLParser, foundCharacters text: String) {
    for index in open { elements[index].text += text }
  }

  public func parser(_ parser: XMLParser, foundCDATA block: Data) {
    for index in open { elements[index].text += String(decoding: block, as: UTF8.self) }
  }
}
