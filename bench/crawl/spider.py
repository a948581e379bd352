"""The same crawl by Scrapy: every page below /en/ once, saved as it came, without delay. usage: spider.py URL DIRECTORY"""
import hashlib
import os
import sys
from urllib.parse import urlparse

from scrapy.crawler import CrawlerProcess
from scrapy.linkextractors import LinkExtractor
from scrapy.spiders import CrawlSpider, Rule

url, directory = sys.argv[1:]
os.makedirs(directory, exist_ok=True)


class Docs(CrawlSpider):
    name = "docs"
    start_urls = [url]
    rules = [Rule(LinkExtractor(allow=os.path.dirname(urlparse(url).path) + "/"), callback="save", follow=True)]

    def save(self, response):
        with open(os.path.join(directory, hashlib.sha1(response.url.encode()).hexdigest()), "wb") as file:
            file.write(response.body)

    parse_start_url = save


process = CrawlerProcess({
    "CONCURRENT_REQUESTS": 16, "CONCURRENT_REQUESTS_PER_DOMAIN": 16, "DOWNLOAD_DELAY": 0, "ROBOTSTXT_OBEY": False,
    "LOG_LEVEL": "ERROR", "TELNETCONSOLE_ENABLED": False,
})
process.crawl(Docs)
process.start()
