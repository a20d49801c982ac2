//! A table, a stream and a topic on counterparts, as a template makes them on AWS.
//! Tests that run at the same time share a server, each with its own table or stream; the last one ends it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use aws_sdk_kinesis::types::StreamStatus;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use touchline_runtime::{AwsSettings, now_ms};
use touchline_store::DynamoStore;
use touchline_stream::{KafkaStream, KinesisStream};
use touchline_tests::Counterpart;

/// Until a stream is what was asked for.
const STREAM_POLL: Duration = Duration::from_millis(20);
const STREAM_POLLS_MAX: u32 = 500;

type Shared = Mutex<Weak<Counterpart>>;

fn shared(server: &Shared, start: fn() -> Counterpart) -> Arc<Counterpart> {
    let mut known = server.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    known.upgrade().unwrap_or_else(|| {
        let started = Arc::new(start());
        *known = Arc::downgrade(&started);
        started
    })
}

/// A name that no other test has.
fn unique(what: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{what}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// An empty table.
pub struct Table {
    server: Arc<Counterpart>,
    pub name: String,
}

impl Table {
    pub async fn create() -> Self {
        static SERVER: Shared = Mutex::new(Weak::new());
        let table = Self { server: shared(&SERVER, Counterpart::dynamodb), name: unique("items") };
        let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
        let text = |name: &str| {
            let kind = ScalarAttributeType::S;
            AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap()
        };
        let created = (table.client().create_table().table_name(&table.name))
            .billing_mode(BillingMode::PayPerRequest)
            .key_schema(key("pk", KeyType::Hash))
            .key_schema(key("sk", KeyType::Range))
            .attribute_definitions(text("pk"))
            .attribute_definitions(text("sk"));
        created.send().await.unwrap();
        table
    }

    pub fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    pub fn client(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&AwsSettings::of_counterpart(&self.endpoint()).into_config())
    }

    /// The store, as another process would open it.
    pub fn store(&self) -> DynamoStore {
        self.store_behind(&self.endpoint())
    }

    /// The store behind something that passes requests on.
    pub fn store_behind(&self, endpoint: &str) -> DynamoStore {
        DynamoStore::new(&AwsSettings::of_counterpart(endpoint).into_config(), &self.name, now_ms)
    }
}

/// An empty stream.
pub struct Stream {
    server: Arc<Counterpart>,
    pub name: String,
}

impl Stream {
    pub async fn create(shard_count: i32) -> Self {
        static SERVER: Shared = Mutex::new(Weak::new());
        let stream = Self { server: shared(&SERVER, Counterpart::kinesis), name: unique("events") };
        stream.client().create_stream().stream_name(&stream.name).shard_count(shard_count).send().await.unwrap();
        stream.settled().await;
        stream
    }

    pub fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    pub fn client(&self) -> aws_sdk_kinesis::Client {
        aws_sdk_kinesis::Client::new(&AwsSettings::of_counterpart(&self.endpoint()).into_config())
    }

    pub fn adapter(&self) -> KinesisStream {
        self.adapter_behind(&self.endpoint())
    }

    pub fn adapter_behind(&self, endpoint: &str) -> KinesisStream {
        KinesisStream::new(&AwsSettings::of_counterpart(endpoint).into_config(), &self.name)
    }

    /// Splits a shard in the middle of its hash range.
    pub async fn split(&self, shard: &str) {
        let client = self.client();
        let described = client.describe_stream().stream_name(&self.name).send().await.unwrap();
        let description = described.stream_description().unwrap();
        let parent = description.shards().iter().find(|known| known.shard_id() == shard).unwrap();
        let range = parent.hash_key_range().unwrap();
        let end = |text: &str| text.parse::<u128>().unwrap();
        let (first, last) = (end(range.starting_hash_key()), end(range.ending_hash_key()));
        let middle = first + (last - first) / 2 + 1;
        let split = client.split_shard().stream_name(&self.name).shard_to_split(shard);
        split.new_starting_hash_key(middle.to_string()).send().await.unwrap();
        self.settled().await;
    }

    async fn settled(&self) {
        let client = self.client();
        for _ in 0..STREAM_POLLS_MAX {
            let described = client.describe_stream().stream_name(&self.name).send().await.unwrap();
            if described.stream_description().unwrap().stream_status() == &StreamStatus::Active {
                return;
            }
            tokio::time::sleep(STREAM_POLL).await;
        }
        panic!("{} does not get active", self.name);
    }
}

/// An empty topic.
pub struct Topic {
    server: Arc<Counterpart>,
    pub name: String,
}

impl Topic {
    pub async fn create(partition_count: i32) -> Self {
        static SERVER: Shared = Mutex::new(Weak::new());
        let topic = Self { server: shared(&SERVER, Counterpart::kafka), name: unique("events") };
        let admin: AdminClient<_> = topic.config().create().unwrap();
        let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(30)));
        let wanted = NewTopic::new(&topic.name, partition_count, TopicReplication::Fixed(1));
        admin.create_topics(&[wanted], &options).await.unwrap().remove(0).unwrap();
        topic
    }

    pub fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.server.address());
        config
    }

    pub fn adapter(&self) -> KafkaStream {
        KafkaStream::new(&self.config(), &self.name).unwrap()
    }
}
