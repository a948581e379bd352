"""Every system that is measured, in the order of the run: ours, then what it stands between."""

from __future__ import annotations

from system import System
from systems.beanstalkd import Beanstalkd
from systems.bullmq import BullMQ
from systems.celery import Celery
from systems.gearmand import Gearmand
from systems.joinable_queue import JoinableQueue
from systems.joinery import Joinery
from systems.limit import Limit
from systems.nats import JetStream
from systems.pool_map import PoolMap
from systems.rabbitmq import RabbitMQ
from systems.redis_streams import RedisStreams
from systems.rq import RQ

SYSTEMS: list[System] = [
    Joinery("sync"),
    Joinery("none"),
    Limit(),
    RedisStreams("memory"),
    RedisStreams("everysec"),
    RedisStreams("always"),
    PoolMap(),
    JoinableQueue(),
    Gearmand(),
    JetStream(),
    RabbitMQ("classic"),
    RabbitMQ("quorum"),
    Beanstalkd("memory"),
    Beanstalkd("binlog"),
    Beanstalkd("fsync"),
    BullMQ(),
    Celery(),
    RQ(),
]
